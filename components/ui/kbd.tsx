/** The name of a key. */
export function Kbd({ children }: { children: string }) {
  return (
    <kbd className="rounded-[3px] border border-line-2 bg-surface px-1 font-mono text-[0.6875rem] leading-4 whitespace-nowrap text-ink-2">
      {children}
    </kbd>
  );
}
