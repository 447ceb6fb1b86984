import NextLink from "next/link";
import type { ComponentProps } from "react";
import { visibleIfText } from "./visible.tsx";

/**
 * Every link of the dashboard. It fetches nothing ahead: Next would send a request for each link in sight, again after
 * each refresh.
 */
export function Link({ children, ...rest }: Omit<ComponentProps<typeof NextLink>, "prefetch">) {
  return (
    <NextLink {...rest} prefetch={false}>
      {visibleIfText(children)}
    </NextLink>
  );
}
