package ui

import (
	"cmp"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cheggaaa/pb/v3"

	"imsrevoke/batch"
)

// A Progress shows how far a run is. Its zero value shows nothing.
//
// A row costs it the addition of a number: what is shown is put into words when the
// bar is drawn.
type Progress struct {
	bar     *pb.ProgressBar
	started time.Time

	mu     sync.Mutex
	counts map[batch.Outcome]int
	found  string // instead of the counts
	waits  string
}

// logEvery is how often the bar tells how far it is where no line can be drawn
// anew, and logWidth how long its line may be.
const (
	logEvery = 10 * time.Second
	logWidth = 120
)

// The bar in its two forms. What does not fit is cut off at the end; the last
// element takes what is left, so that there is one that pb measures.
const (
	wideBar = `{{string . "what"}}{{counters . }} {{bar . "[" "=" ">" " " "]"}} {{percent . }} {{if call (.Get "steady")}}{{speed . "%s/s" "…/s"}} {{end}}{{rtime . "%s left" "%s" ""}} ` +
		`{{with call (.Get "waits")}}{{.}} | {{end}}{{call (.Get "found")}}`
	narrowBar = `{{string . "what"}}{{counters . }} {{with call (.Get "waits")}}{{.}}{{else}}{{percent . }} {{rtime . "%s left" "%s" ""}}{{end}}` +
		`{{bar . " " " " " " " " " "}}`
	// narrow is the width of a terminal, in columns, below which there is no
	// room for the wide bar.
	narrow = 60
)

// barTemplate looks at the width each time, since a terminal may change it.
func barTemplate() string {
	return fmt.Sprintf(`{{$width := call (.Get "columns")}}{{$bar := .SetWidth $width}}{{if lt $width %d}}%s{{else}}%s{{end}}`,
		narrow, narrowBar, wideBar)
}

// StartProgress shows how far a job with so many rows is, if that is wanted
// (always, never, or auto: on a terminal) and there is something to show. What is
// done to the rows is said where it is not the job itself.
func (c *Console) StartProgress(when, what string, total int) *Progress {
	p := &Progress{}
	p.Start(c, when, what, total)
	return p
}

// Start is [Console.StartProgress] for a bar that others know already.
func (p *Progress) Start(c *Console, when, what string, total int) {
	p.counts = make(map[batch.Outcome]int)
	if total == 0 || when == "never" || when == "auto" && !c.Terminal {
		return
	}
	p.bar, p.started = pb.New(total), time.Now()
	p.bar.Set("waits", p.waitsNow).Set("found", p.foundNow).Set("steady", p.steady)
	if what != "" {
		p.bar.Set("what", what+" ")
	}
	p.bar.Set(pb.Terminal, c.Redraws) // before SetWriter, which looks for itself otherwise
	if c.Redraws {
		p.bar.Set("columns", c.Columns)
		p.bar.SetWidth(c.Columns())
		p.bar.SetTemplateString(barTemplate())
	} else { // in a log each state is a line, and seldom one
		p.bar.SetWidth(logWidth)
		p.bar.SetTemplateString(wideBar + "\n")
		p.bar.SetRefreshRate(logEvery)
	}
	p.bar.SetWriter(c.drawing())
	p.bar.Start()
}

// Step shows that one more is done, and what has come of all so far.
func (p *Progress) Step(found string) {
	if p.bar == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.found = found
	p.bar.Increment()
}

// foundNow says what has come of all so far.
func (p *Progress) foundNow() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cmp.Or(p.found, Outcomes(p.counts, " "))
}

// waitsNow says why nothing moves, if nothing does.
func (p *Progress) waitsNow() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waits
}

// steady reports whether the rate is worth showing: a burst at the start, or a few
// rows, would look as if the limit were broken. Afterwards the summary has it.
func (p *Progress) steady() bool {
	const settling = 2 * time.Second
	return time.Since(p.started) >= settling && p.bar.Current() < p.bar.Total()
}

// More adds to what there is to do.
func (p *Progress) More(n int) {
	if p.bar != nil {
		p.bar.AddTotal(int64(n))
	}
}

// Recorder passes results on to rec, and shows them.
func (p *Progress) Recorder(rec batch.Recorder) batch.Recorder {
	if p.bar == nil {
		return rec
	}
	return &watched{rec, p}
}

type watched struct {
	batch.Recorder
	progress *Progress
}

func (w *watched) Record(r batch.Result) error {
	if err := w.Recorder.Record(r); err != nil {
		return err
	}
	w.progress.add(r.Outcome)
	return nil
}

func (p *Progress) add(o batch.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[o]++
	p.bar.Increment()
}

// Event shows why nothing moves, if nothing does.
func (p *Progress) Event(waits string) {
	if p.bar == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = waits
}

// Finish ends the bar.
func (p *Progress) Finish() {
	if p.bar != nil {
		p.bar.Finish()
	}
}

// ShowReading shows how many of some member lists are read.
func (c *Console) ShowReading(done, all int) {
	switch {
	case c.Redraws:
		fmt.Fprintf(c.drawing(), "\r%s%d", reading(all), done)
	case done == 0:
		fmt.Fprintf(c.Stderr, "%s%d\n", reading(all), all)
	}
}

// HideReading takes away what ShowReading has shown.
func (c *Console) HideReading(all int) {
	if c.Redraws {
		fmt.Fprintf(c.drawing(), "\r%*s\r", len(reading(all))+len(fmt.Sprint(all)), "")
	}
}

func reading(all int) string { return fmt.Sprintf("Member lists read, of %d: ", all) }

// Outcomes lists the counts that are not zero.
func Outcomes(counts map[batch.Outcome]int, separator string) string {
	var words []string
	for _, o := range batch.Outcomes() {
		if n := counts[o]; n > 0 {
			words = append(words, fmt.Sprintf("%s %s", Number(n), o))
		}
	}
	return strings.Join(words, separator)
}
