export const { emit, onMessage, onStatus, placements } = globalThis.samoza;
