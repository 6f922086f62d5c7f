/** How a stream's bytes become events, where the upstream does not send server-sent events. */

/** One stream's bytes, cut into events as they arrive. */
export interface FrameReader {
  /** @throws GatewayError `upstream_protocol` for what cannot be such a stream */
  feed(bytes: Uint8Array): void;
  /** The upstream has closed: a last event may lack what ends it. */
  end?(): void;
  /** Part of an event has arrived, which without the rest is none. */
  readonly isInside: boolean;
}

export type Framing = (onEvent: (data: string) => void) => FrameReader;
