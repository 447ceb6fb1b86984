/** Where the files of the program are: a checkout, or the npm package, which has the same folders below its `dist`. */
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A checkout has TypeScript, and makes the Prisma client and the pages when it starts. The package has them. */
export const IS_CHECKOUT = import.meta.url.endsWith(".ts");
