// One file, as actions are published, for the Node that a runner has.

import { build } from "esbuild";

await build({
  entryPoints: ["index.mjs"],
  outfile: "dist/index.mjs",
  bundle: true,
  minify: true,
  platform: "node",
  target: "node20",
  format: "esm",
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
});
