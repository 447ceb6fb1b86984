/** Of the servers of the bench. */
export const BENCH_KEY = "a secret key for the bench only";
