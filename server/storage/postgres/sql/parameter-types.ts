/** Types of parameters of statements, named as PostgreSQL names them. Arrays are in array-parameter.ts. */
import type { ParameterType } from "./statement.ts";

/** `pg` sends it as it is, or as text. */
const asIs = (value: unknown): unknown => value;

export const text: ParameterType<string> = asIs;
export const uuid: ParameterType<string> = asIs;
export const bool: ParameterType<boolean> = asIs;
export const int4: ParameterType<number> = asIs;
/** An integer that JavaScript holds exactly, or its digits. */
export const int8: ParameterType<number | string> = asIs;
export const float8: ParameterType<number> = asIs;

export const orNull =
  <Value>(type: ParameterType<Value>): ParameterType<Value | null> =>
  (value) =>
    value === null ? null : type(value);
