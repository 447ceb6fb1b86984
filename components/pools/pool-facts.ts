/** What the control database knows of a pool. */
export interface PoolFacts {
  name: string;
  builtIn: boolean;
  uri: string | null;
  weight: number | null;
  flavor: string | null;
  optionsText: string;
  queueCount: { value: number; exact: boolean };
}
