import { builder } from "./builder.ts";

export const OrderDirection = builder.enumType("OrderDirection", {
  description: "The direction of an order.",
  values: {
    ASC: { value: "asc", description: "From the lowest: A first, or the oldest first." },
    DESC: { value: "desc", description: "From the highest: Z first, or the newest first." },
  } as const,
});
