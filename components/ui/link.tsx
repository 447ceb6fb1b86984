import NextLink from "next/link";
import type { ComponentProps } from "react";
import { visibleIfText } from "./visible.tsx";

/**
 * Every link of the dashboard. Nothing is fetched before it is followed: Next would fetch all that is in sight, a
 * request for each, and again after each refresh.
 */
export function Link({ children, ...rest }: Omit<ComponentProps<typeof NextLink>, "prefetch">) {
  return (
    <NextLink {...rest} prefetch={false}>
      {visibleIfText(children)}
    </NextLink>
  );
}
