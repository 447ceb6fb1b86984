/** How a backend stores the keys of a store. */
import { hash } from "node:crypto";

/** Must return the same text for the same key in every process, and different texts for different keys. */
export type KeyMangler = (key: string) => string;

/** The default: 40 hexadecimal digits for a key of any length and alphabet. Lists of keys show these digits. */
export const sha1Mangler: KeyMangler = (key) => hash("sha1", key, "hex");
