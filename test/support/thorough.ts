/** Whether tests repeat on further stores and for longer what they show anyway: THOROUGH=1, as in .ci/run. */
export const IS_THOROUGH = process.env.THOROUGH !== undefined;
