package report

import (
	"fmt"
	"strings"
	"time"
)

// A course is how a run went over time, as the page draws it: in a field that
// is courseWidth wide and courseHeight high.
type course struct {
	Text, ProgressText, RateText string
	Total, Most, Step            string
	Begin, End                   string
	Area, Curve                  string
	Bars                         []courseBar
	Steps                        []courseStep

	DurationText, AttemptText string
	Durations, Attempts       []bar
}

type courseBar struct {
	Kind                kind
	X, Y, Width, Height string
}

type courseStep struct{ From, Finished, Settled, Rate string }

// A bar is a number of rows beside a label.
type bar struct {
	Label, Rows, Width string
}

const (
	courseWidth  = 600
	courseHeight = 120
	maxSteps     = 60
)

// A clock counts the rows that finished in each step of a run.
type clock struct {
	begin             time.Time
	step              time.Duration
	finished, settled []int
}

// newClock divides the time of a run into steps that people know.
func newClock(s *Survey) *clock {
	c := &clock{begin: s.First}
	if s.Run != nil && !s.Run.Started.IsZero() && s.Run.Started.Before(s.First) && s.Ended {
		c.begin = s.Run.Started
	}
	took := s.Last.Sub(c.begin)
	const day = 24 * time.Hour
	for _, c.step = range []time.Duration{
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
	at := e.FinishedAt.Sub(c.begin)
	if e.Attempts == 0 || at < 0 {
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
	figure := &course{
		Total: grouped(s.Sent), Most: grouped(most), Step: lasting(c.step),
		Begin: moment(c.begin), End: moment(s.Last),
	}
	took := s.Last.Sub(c.begin)
	parts := ""
	if s.Run != nil && len(s.Run.Parts) > 1 {
		took = max(took-s.Run.Idle(), 0)
		parts = fmt.Sprintf(", in %d parts", len(s.Run.Parts))
	}
	figure.Text = fmt.Sprintf("%s finished in %s%s", capital(counted(s.Sent, "row that was sent")), lasting(took), parts)
	if s.Sent != 1 {
		figure.Text = fmt.Sprintf("%s rows were sent and finished in %s%s", grouped(s.Sent), lasting(took), parts)
	}
	if took >= time.Second {
		figure.Text += fmt.Sprintf(", %s a second", figures(float64(s.Sent)/took.Seconds()))
	}
	figure.Text += "."
	var curve strings.Builder
	sum := 0
	fmt.Fprintf(&curve, "M0 %d", courseHeight-1)
	for i, n := range c.finished {
		sum += n
		fmt.Fprintf(&curve, "L%.2f %.2f", x(float64(i+1)), height(sum, s.Sent))
		figure.bars(x(float64(i)), x(1), n, c.settled[i], most)
		from := c.begin.Add(time.Duration(i) * c.step)
		figure.Steps = append(figure.Steps, courseStep{moment(from), grouped(n), grouped(c.settled[i]), figures(float64(n) / c.step.Seconds())})
	}
	figure.Curve = curve.String()
	figure.Area = fmt.Sprintf("%sL%d %dZ", figure.Curve, courseWidth, courseHeight)
	figure.ProgressText = fmt.Sprintf("A line that rises from nothing at %s to %s at %s", figure.Begin, counted(s.Sent, "row"), figure.End)
	figure.RateText = fmt.Sprintf("Bars from %s to %s: at most %s in %s; the table below has the numbers", figure.Begin, figure.End, counted(most, "row"), figure.Step)
	figure.durations(s)
	figure.attempts(s)
	return figure
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

// durations draws how long the rows took.
func (f *course) durations(s *Survey) {
	first, last, most := len(s.Durations), 0, 1
	for i, n := range s.Durations {
		if n > 0 {
			first, last, most = min(first, i), i, max(most, n)
		}
	}
	limit := func(i int) time.Duration { return time.Duration(1<<i) * time.Millisecond }
	for i := first; i <= last; i++ {
		label := "under 1 ms"
		if i > 0 {
			label = fmt.Sprintf("%s to %s", lasting(limit(i-1)), lasting(limit(i)))
		}
		f.Durations = append(f.Durations, newBar(label, s.Durations[i], most))
	}
	// under is a bound that this part of the rows did not reach.
	under := func(part float64) string {
		sum := 0
		for i, n := range s.Durations {
			if sum += n; float64(sum) >= part*float64(s.Sent) {
				return lasting(limit(i))
			}
		}
		return ""
	}
	f.DurationText = fmt.Sprintf("Half of the rows took less than %s, 95\u00a0%% less than %s.", under(0.5), under(0.95))
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

// figures is a number with no more digits than matter.
func figures(x float64) string {
	if x >= 100 {
		return grouped(int(x + 0.5))
	}
	return fmt.Sprintf("%.3g", x)
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
