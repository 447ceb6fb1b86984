"use client";

import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { useOffline } from "next/offline";
import {
  createContext,
  type ReactNode,
  use,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useTransition,
} from "react";

/** `away`: no server answers, or it cannot render. `other build`: its pages are newer or older than the open one. */
export type ServerAnswer = "ready" | "away" | "other build";

interface Refreshing {
  /** Refreshes the page once the server is ready and nothing holds the page. Calls during a refresh become one more. */
  refresh: () => void;
  /** Keeps the page as it is until the returned function is called. */
  hold: () => () => void;
  pending: boolean;
  /** `lost`: the page is old, and refreshes when the server is back. `outdated`: only a reload shows newer data. */
  state: "current" | "lost" | "outdated";
  /** When the server rendered the page: its clock, in milliseconds. */
  asOf: number;
}

const Refresh = createContext<Refreshing | null>(null);

const RETRY_MS = 2000;
/** After that long a refresh is in doubt: the server may have stopped. */
const SLOW_LOAD_MS = 5000;

/**
 * The only place that refreshes. When a refresh fails, or another build answers it, Next reloads the whole page: that
 * shows the browser's error page, or loses what was typed. So a small request asks the server first.
 */
export function RefreshProvider({
  ask,
  serverNow,
  children,
}: {
  ask: () => Promise<ServerAnswer>;
  /** When the server rendered this. */
  serverNow: number;
  children: ReactNode;
}) {
  const router = useRouter();
  const offline = useOffline();
  const [loading, start] = useTransition();
  const [asking, setAsking] = useState(false);
  const [answer, setAnswer] = useState<ServerAnswer>("ready");
  const [holders, setHolders] = useState(0);
  const [wanted, setWanted] = useState(false);
  const held = holders > 0;
  useGate(held, serverNow);
  // What still waits for the gate is not pending.
  const underWay = loading && !held;

  useEffect(() => {
    if (!wanted || asking || loading || held || answer !== "ready") return;
    setWanted(false);
    setAsking(true);
    void ask().then((next) => {
      setAsking(false);
      setAnswer(next);
      if (next !== "ready") return setWanted(true);
      start(() => router.refresh());
    });
  }, [wanted, asking, loading, held, answer, ask, router]);

  // Asks until the server is back, then does what was wanted. One request at a time, so that no old answer follows a
  // new one.
  const askAfter = answer === "away" ? RETRY_MS : answer === "ready" && underWay ? SLOW_LOAD_MS : null;
  useEffect(() => {
    if (askAfter === null) return;
    let timer: ReturnType<typeof setTimeout>;
    let over = false;
    const askLater = () => {
      timer = setTimeout(async () => {
        const next = await ask();
        if (over) return;
        setAnswer(next);
        askLater();
      }, askAfter);
    };
    askLater();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [askAfter, ask]);

  const refresh = useCallback(() => setWanted(true), []);
  const hold = useCallback(() => {
    setHolders((count) => count + 1);
    return () => setHolders((count) => count - 1);
  }, []);

  const pending = asking || underWay;
  const asOf = useAsOf(serverNow);
  const state = answer === "other build" ? "outdated" : answer === "away" || offline ? "lost" : "current";
  const value = useMemo(
    () => ({ refresh, hold, pending, state, asOf }) satisfies Refreshing,
    [refresh, hold, pending, state, asOf],
  );
  return <Refresh.Provider value={value}>{children}</Refresh.Provider>;
}

/**
 * While `held`, the result of a refresh that began earlier is not shown: it is a transition, and waits. A navigation
 * does not wait.
 */
function useGate(held: boolean, serverNow: number): void {
  const address = useAddress();
  const shown = useRef({ serverNow, address });
  useEffect(() => {
    shown.current = { serverNow, address };
  }, [serverNow, address]);
  const gate = useMemo(() => (held ? Promise.withResolvers<void>() : null), [held]);
  useEffect(() => () => gate?.resolve(), [gate]);
  if (gate && serverNow !== shown.current.serverNow && address === shown.current.address) use(gate.promise);
}

function useAddress(): string {
  return `${usePathname()}?${useSearchParams()}`;
}

/** A refresh renders the layout too, which has the server's time. A navigation does not. */
function useAsOf(serverNow: number): number {
  const address = useAddress();
  const [asOf, setAsOf] = useState(serverNow);
  const behind = useRef(0);
  useEffect(() => {
    behind.current = serverNow - Date.now();
    setAsOf(serverNow);
  }, [serverNow]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new address shows new data
  useEffect(() => setAsOf(Date.now() + behind.current), [address]);
  return asOf;
}

export function useRefresh(): Refreshing {
  const value = useContext(Refresh);
  if (value === null) throw new Error("useRefresh needs a <RefreshProvider>.");
  return value;
}

/** Keeps the page as it is while `active`: what a user is working with must not move or disappear. */
export function useHold(active: boolean): void {
  const { hold } = useRefresh();
  useEffect(() => (active ? hold() : undefined), [active, hold]);
}
