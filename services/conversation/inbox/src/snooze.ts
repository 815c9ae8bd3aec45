export interface SnoozeChoice {
  label: string;
  until: Date;
}

const MORNING = 9;
const EVENING = 18;

/** Later today (in three hours, or at six if that is later), tomorrow morning, Monday morning. */
export function snoozeChoices(now: Date): SnoozeChoice[] {
  const soon = new Date(now.getTime() + 3 * 3_600_000);
  const evening = at(now, 0, EVENING);
  const later = evening > soon ? evening : soon;
  const choices = [
    { label: "Tomorrow", until: at(now, 1, MORNING) },
    { label: "Next week", until: at(now, ((7 - now.getDay()) % 7) + 1, MORNING) },
  ];
  return later.getDate() === now.getDate() ? [{ label: "Later today", until: later }, ...choices] : choices;
}

/** "Tue 09:00"; with the date when it is more than a week away. */
export function momentWords(moment: Date, now: Date): string {
  const near = moment.getTime() - now.getTime() < 7 * 86_400_000;
  const date: Intl.DateTimeFormatOptions = near ? {} : { day: "numeric", month: "short" };
  const options: Intl.DateTimeFormatOptions = { weekday: "short", hour: "2-digit", minute: "2-digit", ...date };
  return new Intl.DateTimeFormat(undefined, options).format(moment);
}

function at(now: Date, days: number, hour: number): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
}
