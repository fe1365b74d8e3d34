package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A course is how a run went over time, as the page draws it: in a field that
// is courseWidth wide and courseHeight high.
type course struct {
	Text, ProgressText, RateText string
	Total, HalfTotal             string
	Most, HalfMost, Step         string
	Begin, Middle, End           string
	Tried, Settled, SettledArea  string
	Bars                         []courseBar
	Steps                        []courseStep
	Pauses                       []coursePause
	Open                         bool // rows finished that are not settled
	DurationText, AttemptText    string
	Quantiles                    []quantile
	Durations, Attempts          []bar
}

type courseBar struct {
	Kind                kind
	X, Y, Width, Height string
}

// A coursePause is a time between two parts of the run.
type coursePause struct{ X, Width string }

type courseStep struct{ From, Finished, Settled, Rate string }

// A quantile is a time that a part of the rows did not exceed.
type quantile struct{ Name, Value string }

// A bar is a number of rows beside a label.
type bar struct {
	Label, Rows, Width string
}

const (
	courseWidth  = 600
	courseHeight = 120
	maxSteps     = 60
)

// A clock counts the rows that finished in each step of a run, and how long they
// took.
type clock struct {
	begin             time.Time
	step              time.Duration
	finished, settled []int
	took              map[int64]int // rows by milliseconds
}

// newClock divides the time of a run into steps that people know.
func newClock(s *Survey) *clock {
	c := &clock{begin: s.First, took: make(map[int64]int)}
	if s.Run != nil && !s.Run.Started.IsZero() && s.Run.Started.Before(s.First) && s.Ended {
		c.begin = s.Run.Started
	}
	took := s.Last.Sub(c.begin)
	const day = 24 * time.Hour
	for _, c.step = range []time.Duration{
		10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day,
	} {
		if took/c.step < maxSteps {
			break
		}
	}
	if took/c.step >= maxSteps {
		c.step = (took/maxSteps/day + 1) * day
	}
	steps := int(took/c.step) + 1
	c.finished, c.settled = make([]int, steps), make([]int, steps)
	return c
}

func (c *clock) add(e *Entry) {
	if e.Attempts == 0 {
		return
	}
	c.took[e.Duration.Milliseconds()]++
	at := e.FinishedAt.Sub(c.begin)
	if at < 0 {
		return
	}
	i := min(int(at/c.step), len(c.finished)-1)
	c.finished[i]++
	if e.Settled() {
		c.settled[i]++
	}
}

// draw makes the course of a run.
func (c *clock) draw(s *Survey) *course {
	most := 1
	for _, n := range c.finished {
		most = max(most, n)
	}
	steps := float64(len(c.finished))
	x := func(i float64) float64 { return i / steps * courseWidth }
	length := time.Duration(len(c.finished)) * c.step
	end := c.begin.Add(length)
	figure := &course{
		Total: grouped(s.Sent), HalfTotal: half(s.Sent), Most: grouped(most), HalfMost: half(most), Step: lasting(c.step),
		Begin: c.moment(c.begin), Middle: c.moment(c.begin.Add(length / 2)), End: c.moment(end),
	}
	took := s.Last.Sub(c.begin)
	parts := ""
	if s.Run != nil && len(s.Run.Parts) > 1 {
		took = busy(s.Run.Parts)
		parts = fmt.Sprintf(" and %d parts", len(s.Run.Parts))
		figure.pauses(s.Run.Parts, c.begin, length)
	}
	settled := 0
	for _, n := range c.settled {
		settled += n
	}
	figure.Open = settled < s.Sent
	figure.Text = fmt.Sprintf("%s tried and %s settled in %s%s", capital(counted(s.Sent, "row")), grouped(settled), lasting(took), parts)
	if took >= time.Second {
		figure.Text += fmt.Sprintf(", %s tried a second", figures(float64(s.Sent)/took.Seconds()))
	}
	figure.Text += "."
	var tried, done strings.Builder
	fmt.Fprintf(&tried, "M0 %d", courseHeight-1)
	fmt.Fprintf(&done, "M0 %d", courseHeight-1)
	sum, sumSettled := 0, 0
	for i, n := range c.finished {
		sum, sumSettled = sum+n, sumSettled+c.settled[i]
		fmt.Fprintf(&tried, "L%.2f %.2f", x(float64(i+1)), height(sum, s.Sent))
		fmt.Fprintf(&done, "L%.2f %.2f", x(float64(i+1)), height(sumSettled, s.Sent))
		figure.bars(x(float64(i)), x(1), n, c.settled[i], most)
		from := c.begin.Add(time.Duration(i) * c.step)
		figure.Steps = append(figure.Steps, courseStep{c.moment(from), grouped(n), grouped(c.settled[i]), figures(float64(n) / c.step.Seconds())})
	}
	figure.Tried, figure.Settled = tried.String(), done.String()
	figure.SettledArea = fmt.Sprintf("%sL%d %dZ", figure.Settled, courseWidth, courseHeight)
	figure.ProgressText = fmt.Sprintf("Two lines from nothing at %s: rows tried rise to %s, rows settled to %s at %s", figure.Begin, grouped(s.Sent), grouped(settled), figure.End)
	figure.RateText = fmt.Sprintf("Bars from %s to %s: at most %s in %s; the table below has the numbers", figure.Begin, figure.End, counted(most, "row"), figure.Step)
	figure.durations(s, c.took)
	figure.attempts(s)
	return figure
}

// moment is a time on the axis.
func (c *clock) moment(t time.Time) string {
	if c.step < time.Second {
		return precisely(t)
	}
	return moment(t)
}

// half is the number in the middle of an axis, if it is one.
func half(n int) string {
	if n%2 == 1 {
		return ""
	}
	return grouped(n / 2)
}

// height is where a part of a whole stands, from above.
func height(part, whole int) float64 {
	return 1 + (courseHeight-2)*(1-float64(part)/float64(max(whole, 1)))
}

// bars draws a step: the settled rows, and above them those that are not.
func (f *course) bars(x, width float64, finished, settled, most int) {
	const gap = 0.15 // of a step
	add := func(k kind, from, to int) {
		if to > from {
			top, bottom := height(to, most), height(from, most)
			f.Bars = append(f.Bars, courseBar{k, fmt.Sprintf("%.2f", x+gap/2*width), fmt.Sprintf("%.2f", top), fmt.Sprintf("%.2f", (1-gap)*width), fmt.Sprintf("%.2f", bottom-top)})
		}
	}
	add(kindDone, 0, settled)
	add(kindOpen, settled, finished)
}

// pauses draws the time in which no part of the run was under way.
func (f *course) pauses(parts []Part, begin time.Time, length time.Duration) {
	parts = slices.SortedFunc(slices.Values(parts), func(a, b Part) int { return a.Started.Compare(b.Started) })
	x := func(t time.Time) float64 {
		return min(max(float64(t.Sub(begin))/float64(length), 0), 1) * courseWidth
	}
	until := parts[0].Finished
	for _, p := range parts[1:] {
		if from, to := x(until), x(p.Started); to > from {
			f.Pauses = append(f.Pauses, coursePause{fmt.Sprintf("%.2f", from), fmt.Sprintf("%.2f", to-from)})
		}
		if p.Finished.After(until) {
			until = p.Finished
		}
	}
}

// durations tells how long the rows took. It has counted each of them, so that the
// quantiles are true ones: the least time that so many rows did not exceed.
func (f *course) durations(s *Survey, took map[int64]int) {
	times, rows := slices.Sorted(maps.Keys(took)), 0
	for _, n := range took {
		rows += n
	}
	last := time.Duration(times[len(times)-1]) * time.Millisecond
	// at is a quantile in thousandths.
	at := func(part int) time.Duration {
		sum := 0
		for _, ms := range times {
			if sum += took[ms]; 1000*sum >= part*rows {
				return time.Duration(ms) * time.Millisecond
			}
		}
		return last
	}
	for _, q := range []struct {
		name string
		part int
	}{{"half", 500}, {"95\u00a0%", 950}, {"99\u00a0%", 990}} {
		f.Quantiles = append(f.Quantiles, quantile{q.name, lasting(at(q.part))})
	}
	f.Quantiles = append(f.Quantiles, quantile{"all", lasting(last)})
	f.DurationText = fmt.Sprintf("Half of the rows took no more than %s, 95\u00a0%% %s, 99\u00a0%% %s, the longest %s.",
		f.Quantiles[0].Value, f.Quantiles[1].Value, f.Quantiles[2].Value, f.Quantiles[3].Value)

	counts := s.Durations
	first, final, most := len(counts), 0, 1
	for i, n := range counts {
		if n > 0 {
			first, final, most = min(first, i), i, max(most, n)
		}
	}
	limit := func(i int) time.Duration { return time.Duration(1<<i) * time.Millisecond }
	for i := first; i <= final; i++ {
		label := "under 1 ms"
		if i > 0 {
			label = fmt.Sprintf("%s to %s", lasting(limit(i-1)), lasting(limit(i)))
		}
		f.Durations = append(f.Durations, newBar(label, counts[i], most))
	}
}

// attempts draws how many attempts the rows had.
func (f *course) attempts(s *Survey) {
	const most = 10 // beyond it rows are counted together
	var rows [most + 1]int
	all, longest, last := 0, 1, 1
	for attempts, n := range s.Attempts {
		all += attempts * n
		i := min(attempts, most)
		rows[i] += n
		longest, last = max(longest, rows[i]), max(last, i)
	}
	for i := 1; i <= last; i++ {
		label := fmt.Sprint(i)
		if i == most {
			label += " or more"
		}
		f.Attempts = append(f.Attempts, newBar(label, rows[i], longest))
	}
	again := s.Sent - s.Attempts[1]
	f.AttemptText = fmt.Sprintf("%s for %s; %s needed more than one.", capital(counted(all, "attempt")), counted(s.Sent, "row"), grouped(again))
	if again == 0 {
		f.AttemptText = fmt.Sprintf("%s: no row needed a second one.", capital(counted(all, "attempt")))
	}
}

func newBar(label string, rows, most int) bar {
	return bar{label, grouped(rows), fmt.Sprintf("%.2f", 100*float64(rows)/float64(most))}
}
