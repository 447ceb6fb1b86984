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
  useSyncExternalStore,
  useTransition,
} from "react";
import type { Connect, View } from "./live-tabs.ts";
import { useServerClock } from "./time.tsx";

/** `away`: no server answers, or it cannot render. `other build`: its pages are newer or older than the open one. */
export type ServerAnswer = "ready" | "away" | "other build";

/** Seconds between two refreshes; "live": whenever the server says that the page's data has changed. */
export type Every = "0" | "5" | "10" | "live";

interface Refreshing {
  /** Refreshes the page once the server is ready and nothing holds the page. Calls during a refresh become one more. */
  refresh: () => void;
  /** Keeps the page as it is until the returned function is called. */
  hold: () => () => void;
  pending: boolean;
  /** `lost`: the page is old, and refreshes when the server is back. `outdated`: only a reload shows newer data. */
  state: "current" | "lost" | "outdated";
  /** When the page's data was known to be so: the server's clock, in milliseconds. */
  asOf: number;
  every: Every;
  setEvery: (every: Every) => void;
  /** A live page has its stream. */
  connected: boolean;
  /** Keeps the page live, whatever the user chose, until the returned function is called. */
  follow: () => () => void;
  /** Says what the page shows; null: nothing that can be watched. */
  setView: (view: View | null) => void;
}

const Refresh = createContext<Refreshing | null>(null);

const STORED = "isimud-refresh";
const CHOICES: readonly string[] = ["0", "5", "10", "live"] satisfies Every[];
/** Also how often a live page is refreshed while it has no stream. */
const DEFAULT: Every = "10";
const RETRY_MS = 2000;
/** After that long a refresh is in doubt: the server may have stopped. */
const SLOW_LOAD_MS = 5000;

/**
 * The only place that refreshes. When a refresh fails, or another build answers it, Next reloads the whole page: that
 * shows the browser's error page, or loses what was typed. So a small request asks the server first.
 */
export function RefreshProvider({
  ask,
  connect,
  serverNow,
  children,
}: {
  ask: () => Promise<ServerAnswer>;
  /** Opens the stream of live pages. */
  connect: Connect;
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
  const [followers, setFollowers] = useState(0);
  const [wanted, setWanted] = useState(false);
  const connectedNow = useRef(false);
  const held = holders > 0;
  useGate(held, serverNow);
  // What still waits for the gate is not pending.
  const underWay = loading && !held;

  useEffect(() => {
    if (!wanted || asking || loading || held || answer !== "ready") return;
    setWanted(false);
    setAsking(true);
    // A stream that is open proves that the server is there, and of the same build.
    const asked = connectedNow.current ? Promise.resolve<ServerAnswer>("ready") : ask();
    void asked.then((next) => {
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

  const follow = useCallback(() => {
    setFollowers((count) => count + 1);
    return () => setFollowers((count) => count - 1);
  }, []);

  const pending = asking || underWay;
  const { every, setEvery } = useEvery();
  const visible = useVisible();
  const live = every === "live" || followers > 0;
  const [view, setView] = useState<View | null>(null);
  const { connected, checkedAt } = useLive({ view: live && visible ? view : null, connect, refresh });
  connectedNow.current = connected;
  useTimer({
    seconds: connected || !visible ? 0 : Number(every === "live" || (live && every === "0") ? DEFAULT : every),
    pending,
    refresh,
  });
  const asOf = Math.max(useAsOf(serverNow), checkedAt);
  const state = answer === "other build" ? "outdated" : answer === "away" || offline ? "lost" : "current";
  const value = useMemo(
    () => ({ refresh, hold, follow, pending, state, asOf, every, setEvery, connected, setView }) satisfies Refreshing,
    [refresh, hold, follow, pending, state, asOf, every, setEvery, connected],
  );
  return <Refresh.Provider value={value}>{children}</Refresh.Provider>;
}

/** What the user chose. Where the browser forbids storage, the choice lasts as long as the page. */
function useEvery(): { every: Every; setEvery: (every: Every) => void } {
  const [every, setEvery] = useState<Every>(DEFAULT);
  useEffect(() => {
    try {
      const stored = localStorage.getItem(STORED) ?? "";
      if (CHOICES.includes(stored)) setEvery(stored as Every);
    } catch {}
  }, []);
  const choose = useCallback((next: Every) => {
    setEvery(next);
    try {
      localStorage.setItem(STORED, next);
    } catch {}
  }, []);
  return { every, setEvery: choose };
}

/** A hidden tab costs nothing: it neither asks nor listens. */
function useVisible(): boolean {
  return useSyncExternalStore(
    (listener) => {
      document.addEventListener("visibilitychange", listener);
      return () => document.removeEventListener("visibilitychange", listener);
    },
    () => !document.hidden,
    () => true,
  );
}

/** Refreshes every few seconds, and at once when the tab is shown again; 0: never. */
function useTimer({ seconds, pending, refresh }: { seconds: number; pending: boolean; refresh: () => void }): void {
  const due = useRef(0);
  useEffect(() => {
    if (seconds === 0 || pending) return;
    if (due.current === 0) due.current = Date.now() + seconds * 1000;
    const wait = Math.min(Math.max(due.current - Date.now(), 0), seconds * 1000);
    const timer = setTimeout(() => {
      due.current = 0;
      refresh();
    }, wait);
    return () => clearTimeout(timer);
  }, [seconds, pending, refresh]);
}

/** Follows the view while there is one. `checkedAt`: when the server last found it unchanged, by its clock. */
function useLive({ view, connect, refresh }: { view: View | null; connect: Connect; refresh: () => void }): {
  connected: boolean;
  checkedAt: number;
} {
  const [connected, setConnected] = useState(false);
  const [checkedAt, setCheckedAt] = useState(0);
  const now = useServerClock();
  const live = useLivePart(view !== null);
  useEffect(() => {
    if (view === null || !live?.canBeLive()) return;
    const stop = live.watchLive(view, connect, {
      onView: (changed) => {
        if (changed) refresh();
        else setCheckedAt(now());
      },
      onConnected: (is) => {
        setConnected(is);
        // Without a stream the refresh asks whether there is a server, and the page says so when there is none.
        if (!is) refresh();
      },
    });
    return () => {
      stop();
      setConnected(false);
    };
  }, [view, live, connect, refresh, now]);
  return { connected, checkedAt };
}

/** Loaded by the first live page. Until then, and when it cannot be loaded, pages refresh by the clock. */
function useLivePart(wanted: boolean): typeof import("./live-tabs.ts") | null {
  const [part, setPart] = useState<typeof import("./live-tabs.ts") | null>(null);
  useEffect(() => {
    if (!wanted || part !== null) return;
    let timer: ReturnType<typeof setTimeout>;
    const load = () => {
      import("./live-tabs.ts").then(setPart, () => {
        timer = setTimeout(load, RETRY_MS);
      });
    };
    load();
    return () => clearTimeout(timer);
  }, [wanted, part]);
  return part;
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

/** Says what this page shows, so that it can be live. `document` and `variables` are what the page asked for. */
export function useView(document: string, variables: object): void {
  const { setView } = useRefresh();
  const key = JSON.stringify(variables);
  useEffect(() => {
    setView({ document, variables: JSON.parse(key) });
    return () => setView(null);
  }, [document, key, setView]);
}

export function useRefresh(): Refreshing {
  const value = useContext(Refresh);
  if (value === null) throw new Error("useRefresh needs a <RefreshProvider>.");
  return value;
}

/** Keeps the page live while `active`: something on it moves that the user waits for. */
export function useFollow(active: boolean): void {
  const { follow } = useRefresh();
  useEffect(() => (active ? follow() : undefined), [active, follow]);
}

/** Keeps the page as it is while `active`: what a user is working with must not move or disappear. */
export function useHold(active: boolean): void {
  const { hold } = useRefresh();
  useEffect(() => (active ? hold() : undefined), [active, hold]);
}
