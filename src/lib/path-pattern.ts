/** `/key/{key}/regenerate` → a pattern in which each name stands for one part of a path. */
export function pathPattern(path: string): RegExp {
  const literal = path.split(/\{[a-z_]+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${literal.join('[^/]+')}$`);
}
