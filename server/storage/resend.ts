/**
 * A batch returns this for a request that it left out because the answer would have carried too many bytes. The
 * executor sends that request again, before later ones.
 */
export const RESEND = Symbol("resend");
