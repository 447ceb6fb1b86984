/** Ascending as numbers, without losing digits of a bigint. */
export const byNumber = (a: string, b: string) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
