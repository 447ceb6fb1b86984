/**
 * zod as all forms have it. It would look whether it may use `eval`, which the pages' content security policy forbids
 * and reports.
 */
import { z } from "zod";

z.config({ jitless: true });

export { z };
