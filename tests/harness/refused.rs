//! What a refusal looks like to a client.

use std::fmt::Debug;

use spear_types::{Code, Refusal};
use spear_wire::from_status;
use tonic::Status;

/// An answer that has to be a refusal.
pub(crate) trait Refused {
    /// The refusal; it has this name and travelled as this gRPC code.
    fn refused(self, code: Code, grpc: tonic::Code) -> Refusal;
}

impl<T: Debug> Refused for Result<T, Status> {
    fn refused(self, code: Code, grpc: tonic::Code) -> Refusal {
        let status = self.expect_err("this should be refused");
        let found = status.code();
        let refusal = from_status(status);
        assert_eq!((refusal.code, found), (code, grpc), "{refusal}");
        refusal
    }
}
