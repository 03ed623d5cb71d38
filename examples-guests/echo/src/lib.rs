//! Answers what it is sent: body, content type and headers.

use spear_guest::{Call, Reply};

#[spear_guest::function]
fn echo(Call { content_type, headers, body }: Call) -> Reply {
    Reply { content_type, headers, body }
}
