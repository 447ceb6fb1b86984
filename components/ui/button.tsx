"use client";

import { type ComponentProps, type ReactNode, useId } from "react";
import { classes } from "./classes.ts";
import { Link } from "./link.tsx";
import { useRefusal } from "./refusals.ts";
import { useRowRemoved } from "./steady-rows.ts";

export type ButtonKind = "primary" | "plain" | "ghost" | "danger";

const KINDS: Record<ButtonKind, string> = {
  primary: "border-accent-fill bg-accent-fill font-semibold text-accent-ink hover:brightness-110",
  plain: "border-line-strong bg-surface text-ink hover:bg-raised",
  ghost: "border-transparent text-ink-2 hover:bg-raised hover:text-ink",
  danger: "border-danger bg-surface text-danger hover:bg-danger-soft",
};

function look(kind: ButtonKind, size: "small" | "normal", icon: boolean): string {
  return classes(
    "inline-flex shrink-0 items-center justify-center gap-1.5 rounded border font-medium whitespace-nowrap",
    "aria-disabled:cursor-not-allowed aria-disabled:opacity-55 disabled:opacity-55 [&_svg]:size-3.5 [&_svg]:shrink-0",
    size === "small" ? "h-6 text-xs" : "h-7 max-sm:h-9",
    icon ? (size === "small" ? "w-6" : "w-7 max-sm:w-9") : size === "small" ? "px-2" : "px-2.5",
    KINDS[kind],
  );
}

/** What the viewer must be allowed to do, and where: see refusals.ts. */
interface Needs {
  needs?: string;
  where?: string | null;
}

export type ButtonProps = Omit<ComponentProps<"button">, "className" | "disabled"> &
  Needs & {
    kind?: ButtonKind;
    size?: "small" | "normal";
    /** For a button that shows only an icon: its name and its hint. */
    label?: string;
    /** Why the button is disabled. It stays reachable by keyboard, so that the reason can be read. */
    disabledReason?: string | null;
    pending?: boolean;
    children?: ReactNode;
  };

/** A button that is disabled with a reason instead of hidden. */
export function Button({
  kind = "plain",
  size = "normal",
  label,
  disabledReason: ownReason,
  pending = false,
  needs,
  where,
  children,
  onClick,
  ...rest
}: ButtonProps) {
  const refusal = useRefusal(needs, where);
  const disabledReason = useRowRemoved() ?? refusal ?? ownReason;
  const reasonId = useId();
  const off = Boolean(disabledReason) || pending;
  return (
    <button
      type="button"
      {...rest}
      aria-label={label ?? rest["aria-label"]}
      aria-disabled={off || undefined}
      aria-busy={pending || undefined}
      aria-describedby={disabledReason ? reasonId : rest["aria-describedby"]}
      data-hint={disabledReason ?? label}
      className={look(kind, size, label !== undefined)}
      onClick={(event) => {
        if (off) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {children}
      <Reason id={reasonId} text={disabledReason} />
    </button>
  );
}

function Reason({ id, text }: { id: string; text: string | null | undefined }) {
  return text ? (
    <span id={id} hidden>
      {text}
    </span>
  ) : null;
}

type LinkButtonProps = Needs & {
  href: string;
  kind?: ButtonKind;
  size?: "small" | "normal";
  label?: string;
  children: ReactNode;
};

/** A link that looks like a button. It leads nowhere when the viewer may not do what it leads to. */
export function LinkButton({ href, kind = "plain", size = "normal", label, needs, where, children }: LinkButtonProps) {
  const refusal = useRefusal(needs, where);
  const reasonId = useId();
  const className = look(kind, size, label !== undefined);
  if (refusal === null) {
    return (
      <Link href={href} aria-label={label} className={className}>
        {children}
      </Link>
    );
  }
  return (
    // biome-ignore lint/a11y/useValidAnchor: a link that is disabled has no address
    <a
      role="link"
      aria-disabled
      tabIndex={0}
      aria-label={label}
      aria-describedby={reasonId}
      data-hint={refusal}
      className={className}
    >
      {children}
      <Reason id={reasonId} text={refusal} />
    </a>
  );
}
