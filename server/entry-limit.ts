/**
 * Options of an LRU cache that drops the least recently used of more than so many entries. With the option `max` the
 * cache would take the memory for all of them when it is made: a megabyte for 50,000, for each pool of each process.
 */
export function entriesUpTo(most: number): { maxSize: number; sizeCalculation: () => number } {
  return { maxSize: most, sizeCalculation: () => 1 };
}
