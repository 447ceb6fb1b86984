// Runs before the program, under any Node. It is plain JavaScript, so that an older Node can read it and print the
// message.
const [major = 0] = process.versions.node.split(".").map(Number);
if (major < 24) {
  process.stderr.write(
    `Isimud runs on Node 24, which the npm package "node" brings, but this is Node ${process.versions.node}.\n` +
      "Start it with `npm start`, or with `npx isimud start` where it is installed. If you did, the install script of\n" +
      "that package has not run: `npm rebuild node` runs it, after `npm install-scripts approve node` with npm 12.\n",
  );
  process.exit(1);
}
// React, Next and graphql read this when they are loaded, which is before any code of ours runs.
process.env.NODE_ENV ??= process.argv.includes("--dev") ? "development" : "production";
