package batch

import (
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// An outage is a time in which the server does nothing for anybody. It is
// waited out: no row is sent, and so none spends its attempts on it. Instead a
// read is made now and then, alone, until one is served.
type outage struct {
	patience time.Duration
	servedAt time.Time // when a request was last served, or the run began
	bad      int       // answers of a server in trouble since then
	// probe is the read that waits to be made, or is under way; nil when there
	// is no outage.
	probe  *task
	delays *backoff.ExponentialBackOff
}

const (
	// outageAfter and outageAnswers say when trouble is an outage: when so many
	// answers in a row were bad, for so long. Both are reached well before a
	// row has spent the default attempts. To take a few unlucky rows for an
	// outage costs no more than a read and a pause of about half a second.
	outageAfter   = time.Second
	outageAnswers = 3
)

// watch notices, by the last answer to t, when an outage begins and ends.
func (d *dispatcher) watch(t *task, event *Event) {
	o := &d.outage
	switch m := t.last.Meaning; {
	case !m.transient() || m == Throttled:
		if t != o.probe {
			o.probe = nil
		}
		o.bad, o.servedAt, o.delays = 0, t.ended, nil
		return
	default:
		o.bad++
	}
	lasting := t.ended.Sub(o.servedAt)
	if o.probe == nil && o.patience > 0 && o.bad >= outageAnswers && lasting >= outageAfter && d.stopped == nil {
		o.delays = newBackoff()
		o.probe = t.probe()
		d.opening.start(t.ended)
		d.scheduleProbe(t.ended)
	}
	if o.probe != nil {
		event.Outage = lasting
	}
}

// scheduleProbe says when the next read is made: in a growing time, and once
// more when the patience ends.
func (d *dispatcher) scheduleProbe(now time.Time) {
	o := &d.outage
	o.probe.due = now.Add(o.delays.NextBackOff())
	if end := o.servedAt.Add(o.patience); o.probe.due.After(end) {
		o.probe.due = end
	}
}

// startProbe makes the read when its time has come and nothing else is under
// way, and reports how long that takes otherwise.
func (d *dispatcher) startProbe(now time.Time) (wait time.Duration) {
	probe := d.outage.probe
	if d.inFlight > 0 {
		return untilSomethingEnds
	}
	if wait := probe.due.Sub(now); wait > 0 {
		return wait
	}
	if wait := d.pace.take(now); wait > 0 {
		return wait
	}
	d.start(probe, now)
	return untilSomethingEnds
}

// probed acts on the answer to the read.
func (d *dispatcher) probed(t *task) {
	o := &d.outage
	switch {
	case o.bad == 0:
		o.probe = nil // it is over
	case t.ended.Sub(o.servedAt) >= o.patience:
		d.stop(fmt.Errorf("%w: nothing was served for %v; the last answer: %s",
			ErrOutage, t.ended.Sub(o.servedAt).Round(time.Second), t.last.Message))
	default:
		d.scheduleProbe(t.ended)
	}
}

// probe is a read of the image that t is about, or of the page of the image list.
func (t *task) probe() *task {
	switch {
	case t.images != nil:
		return &task{images: t.images}
	case t.list != nil:
		return &task{list: &memberList{imageID: t.list.imageID}}
	}
	return &task{list: &memberList{imageID: t.row.Pair.ImageID}}
}
