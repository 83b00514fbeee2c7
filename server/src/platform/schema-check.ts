import { Compile, type TSchema, type Validator } from "@om/protocol/typebox";

/** @returns whether a value fits the schema, which is compiled for the first value: at the start nobody waits for it */
export function schemaCheck(schema: TSchema): (value: unknown) => boolean {
  let validator: Validator | undefined;
  return (value) => (validator ??= Compile(schema)).Check(value);
}
