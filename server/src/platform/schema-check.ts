import type { TSchema } from "typebox";
import { Compile, type Validator } from "typebox/schema";

/** @returns whether a value fits the schema, which is compiled for the first value: at the start nobody waits for it */
export function schemaCheck(schema: TSchema): (value: unknown) => boolean {
  let validator: Validator | undefined;
  return (value) => (validator ??= Compile(schema)).Check(value);
}
