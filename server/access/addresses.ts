/** IP addresses of clients, and lists of addresses as settings name them. */
import { BlockList, isIP } from "node:net";

export interface AddressList {
  /** False for anything that is no IP address. */
  has(address: string): boolean;
}

/**
 * Addresses and ranges, such as `10.0.0.0/8` or `fd00::/8`. An IPv4 range also has its addresses as they are mapped
 * into IPv6. Throws an Error that says which entry is wrong.
 */
export function addressList(entries: readonly string[]): AddressList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", prefix, ...rest] = entry.split("/");
    const family = familyOf(address);
    const bits = family === "ipv4" ? 32 : 128;
    const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
    if (family === null || !isPrefix || rest.length > 0) {
      throw new Error(`${JSON.stringify(entry)} is neither an IP address nor a range such as 10.0.0.0/8`);
    }
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return {
    has: (address) => {
      const family = familyOf(address);
      return family !== null && list.check(address, family);
    },
  };
}

/**
 * The address as limits and the audit log have it, or null when it is none. Takes what proxies write: brackets, and a
 * port behind the address. An IPv4 address is never mapped into IPv6, so that a client has one name only.
 */
export function plainAddress(text: string): string | null {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const address = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare.toLowerCase();
  return isIP(address) === 0 ? null : address;
}

/** The address as a URL has it. */
export function addressInUrl(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

function familyOf(address: string): "ipv4" | "ipv6" | null {
  const version = isIP(address);
  return version === 0 ? null : version === 4 ? "ipv4" : "ipv6";
}
