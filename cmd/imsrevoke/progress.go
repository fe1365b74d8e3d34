package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cheggaaa/pb/v3"

	"imsrevoke/batch"
)

// A progress shows how far a run is. Its zero value shows nothing.
type progress struct {
	bar *pb.ProgressBar

	mu     sync.Mutex
	counts map[batch.Outcome]int
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
	wideBar = `{{string . "what"}}{{counters . }} {{bar . "[" "=" ">" " " "]"}} {{percent . }} {{speed . "%s/s" "…/s"}} {{rtime . "%s left" "%s" ""}} ` +
		`{{with string . "waits"}}{{.}} | {{end}}{{string . "outcomes"}}`
	narrowBar = `{{string . "what"}}{{counters . }} {{with string . "waits"}}{{.}}{{else}}{{percent . }} {{rtime . "%s left" "%s" ""}}{{end}}` +
		`{{bar . " " " " " " " " " "}}`
	// narrow is the width of a terminal, in columns, below which there is no
	// room for the wide bar.
	narrow = 60
)

// barTemplate looks at the width each time, since a terminal may change it.
var barTemplate = fmt.Sprintf(`{{$width := call (.Get "columns")}}{{$bar := .SetWidth $width}}{{if lt $width %d}}%s{{else}}%s{{end}}`,
	narrow, narrowBar, wideBar)

// startProgress starts a bar for so many rows of a run. What is done to them is
// said where it is not the run itself.
func (r *run) startProgress(what string, rows int) *progress {
	p := &progress{counts: make(map[batch.Outcome]int)}
	p.start(r.cli, r.options, what, rows)
	return p
}

// start shows the bar when one is wanted, and there is something to show.
func (p *progress) start(c *cli, o *runOptions, what string, total int) {
	if total == 0 || o.progress.word == "never" || o.progress.word == "auto" && !c.terminal {
		return
	}
	p.bar = pb.New(total)
	if what != "" {
		p.bar.Set("what", what+" ")
	}
	p.bar.Set(pb.Terminal, c.redraws) // before SetWriter, which looks for itself otherwise
	if c.redraws {
		p.bar.Set("columns", c.columns)
		p.bar.SetWidth(c.columns())
		p.bar.SetTemplateString(barTemplate)
	} else { // in a log each state is a line, and seldom one
		p.bar.SetWidth(logWidth)
		p.bar.SetTemplateString(wideBar + "\n")
		p.bar.SetRefreshRate(logEvery)
	}
	p.bar.SetWriter(c.screen())
	p.bar.Start()
}

// step shows that one more is done, and what has come of all so far.
func (p *progress) step(found string) {
	if p.bar != nil {
		p.bar.Set("outcomes", found)
		p.bar.Increment()
	}
}

// more adds to what there is to do.
func (p *progress) more(n int) {
	if p.bar != nil {
		p.bar.AddTotal(int64(n))
	}
}

// recorder passes results on to rec, and shows them.
func (p *progress) recorder(rec batch.Recorder) batch.Recorder {
	if p.bar == nil {
		return rec
	}
	return &watched{rec, p}
}

type watched struct {
	batch.Recorder
	progress *progress
}

func (w *watched) Record(r batch.Result) error {
	if err := w.Recorder.Record(r); err != nil {
		return err
	}
	w.progress.add(r.Outcome)
	return nil
}

func (p *progress) add(o batch.Outcome) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[o]++
	p.bar.Set("outcomes", outcomes(p.counts, " "))
	p.bar.Increment()
}

// event shows why nothing moves, if nothing does.
func (p *progress) event(waits string) {
	if p.bar != nil {
		p.bar.Set("waits", waits)
	}
}

func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Finish()
	}
}

// outcomes lists the counts that are not zero.
func outcomes(counts map[batch.Outcome]int, separator string) string {
	var words []string
	for _, o := range batch.Outcomes() {
		if n := counts[o]; n > 0 {
			words = append(words, fmt.Sprintf("%s %s", grouped(n), o))
		}
	}
	return strings.Join(words, separator)
}
