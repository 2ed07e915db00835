/** The names of the fields that are not filled in as they must be, for a form that says so. */
export const unfilled = (fields: Record<string, unknown>): string[] => Object.keys(fields).filter((name) => !fields[name])
