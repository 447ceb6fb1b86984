/** Progress as a bar and in words. `total` null: unknown. */
export function Progress({ label, value, total }: { label: string; value: number; total: number | null }) {
  const text =
    total === null ? value.toLocaleString("en") : `${value.toLocaleString("en")} of ${total.toLocaleString("en")}`;
  return (
    <span className="flex items-center gap-2 tabular-nums">
      <progress
        aria-label={label}
        className="h-1.5 w-20 appearance-none overflow-hidden rounded bg-line [&::-moz-progress-bar]:bg-accent-fill [&::-webkit-progress-bar]:bg-line [&::-webkit-progress-value]:bg-accent-fill"
        {...(total === null ? {} : { value: total === 0 ? 1 : Math.min(value, total), max: Math.max(total, 1) })}
      />
      {text}
    </span>
  );
}
