/**
 * What a statement or script that requests share gives for one that it left out, because it would have carried too
 * much: the request goes again, in front of what came later.
 */
export const RESEND = Symbol("again");
