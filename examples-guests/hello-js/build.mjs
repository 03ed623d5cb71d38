// Makes the component of index.js and the world in wit/.

import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const { component } = await componentize({
  sourcePath: "index.js",
  witPath: "wit",
  worldName: "function",
  // fetch() is wasi:http and needs a grant. To use it, take "http" out here and grant http = ["https://<host>"].
  disableFeatures: ["http", "fetch-event"],
});
await writeFile("hello-js.wasm", component);
