// The smallest function in JavaScript: text in, text out, one line of log.

import { write as log } from "spear:hostcalls/logs@0.1.0";

export const handler = {
  handle(call) {
    const name = text(call.body);
    log("info", `greeting ${name}`, [{ key: "bytes", value: `${call.body.length}` }]);
    return {
      contentType: "text/plain; charset=utf-8",
      headers: [],
      body: new TextEncoder().encode(`Hello, ${name}!`),
    };
  },
};

function text(body) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    // What is thrown with these three is the function's own failure.
    throw { code: "bad-input", message: "the body is not text", retryable: false };
  }
}
