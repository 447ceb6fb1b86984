/** zod without `eval`: it would try whether it may use it, which the content security policy forbids and reports. */
import { z } from "zod";

z.config({ jitless: true });

export { z };
