/** What was counted until the beginning of yesterday and of today. */
export interface DayMarks {
  readonly yesterdayMorning: number;
  readonly todayMorning: number;
}

/** Remembers where totals stood at the last two midnights (Java: BrokerStats). */
export class DayTotals {
  #day: number;
  #marks: Record<'puts' | 'gets', DayMarks> = { puts: NONE, gets: NONE };

  constructor(nowMs: number) {
    this.#day = startOfDay(nowMs);
  }

  /** To be called often: what comes between midnight and the call counts for the day before. */
  sample(nowMs: number, puts: number, gets: number): void {
    const day = startOfDay(nowMs);
    if (day <= this.#day) return;
    this.#day = day;
    this.#marks = {
      puts: { yesterdayMorning: this.#marks.puts.todayMorning, todayMorning: puts },
      gets: { yesterdayMorning: this.#marks.gets.todayMorning, todayMorning: gets },
    };
  }

  get puts(): DayMarks {
    return this.#marks.puts;
  }

  get gets(): DayMarks {
    return this.#marks.gets;
  }
}

const NONE: DayMarks = { yesterdayMorning: 0, todayMorning: 0 };

function startOfDay(nowMs: number): number {
  const date = new Date(nowMs);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
