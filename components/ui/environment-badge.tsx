import { classes } from "./classes.ts";

export interface Environment {
  name: string;
  color: string;
}

const COLORS: Record<string, string> = {
  red: "text-danger",
  amber: "text-warn",
  green: "text-ok",
  blue: "text-accent",
  violet: "text-claimed",
  gray: "text-muted",
};

/** Which installation this is, such as PRODUCTION, so that nobody takes one for another. */
export function EnvironmentBadge({ environment: { name, color } }: { environment: Environment }) {
  return (
    <span
      title={`Environment: ${name}`}
      className={classes(
        "max-w-24 truncate rounded-[3px] border border-current px-1.5 text-[0.6875rem] leading-4.5 font-bold tracking-wide sm:max-w-48",
        COLORS[color],
      )}
    >
      {name}
    </span>
  );
}
