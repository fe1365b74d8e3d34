package ui

import (
	"context"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"imsrevoke/batch"
)

// Logging says what is logged, and in which form.
type Logging struct {
	Level  string // debug, info, warn or error
	Format string // text or json
}

// Logger returns a log on standard error.
func (c *Console) Logger(l Logging) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(l.Level)); err != nil {
		panic(err) // the flag takes only levels
	}
	options := &slog.HandlerOptions{Level: least}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(c.Stderr, options))
	}
	var handler slog.Handler = slog.NewTextHandler(c.Stderr, options)
	if c.Terminal {
		c.warnings.hold()
		handler = &warningHandler{handler, &c.warnings}
	}
	return slog.New(handler)
}

// warnings are what was logged as a warning before the plan was shown. On a
// terminal they are a part of it.
type warnings struct {
	mu      sync.Mutex
	holding bool
	texts   []string
}

func (w *warnings) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holding = true
}

// add takes a warning, or reports that it is to be logged.
func (w *warnings) add(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.holding {
		w.texts = append(w.texts, text)
	}
	return w.holding
}

// Warnings returns the warnings so far, to be shown. Further ones are logged.
func (c *Console) Warnings() []string {
	w := &c.warnings
	w.mu.Lock()
	defer w.mu.Unlock()
	texts := w.texts
	w.texts, w.holding = nil, false
	return texts
}

// A warningHandler keeps warnings for the plan.
type warningHandler struct {
	slog.Handler
	warnings *warnings
}

func (h *warningHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level != slog.LevelWarn || !h.warnings.add(inWords(r)) {
		return h.Handler.Handle(ctx, r)
	}
	return nil
}

// inWords is a record of a log for people.
func inWords(r slog.Record) string {
	var attributes []string
	r.Attrs(func(a slog.Attr) bool {
		attributes = append(attributes, a.Key+": "+a.Value.String())
		return true
	})
	if len(attributes) == 0 {
		return r.Message
	}
	return r.Message + " (" + strings.Join(attributes, ", ") + ")"
}

// NewEventLog returns the log of a job at an endpoint, which waits out an outage
// for so long.
func NewEventLog(log *slog.Logger, endpoint *url.URL, patience time.Duration) *EventLog {
	return &EventLog{Logger: log, endpoint: endpoint, patience: patience}
}

// An EventLog tells the log what happens during a job. It is used by one
// goroutine at a time.
type EventLog struct {
	*slog.Logger
	endpoint *url.URL
	patience time.Duration
	outage   bool // is being waited out
}

// Event tells of one answer.
func (l *EventLog) Event(e batch.Event) {
	l.outageEvent(e)
	if !l.Enabled(context.Background(), slog.LevelInfo) {
		return // before all of it is put together for nobody
	}
	answer := []any{"status", e.Answer.Status, "request_id", e.Answer.RequestID, "took", e.Took}
	if e.Answer.Message != "" {
		answer = append(answer, "message", e.Answer.Message)
	}
	if e.Row != nil {
		answer = append(answer, "line", e.Row.Line, "image_id", e.Row.Pair.ImageID, "member_id", e.Row.Pair.MemberID)
	}
	l.Debug("answer", answer...)
	if e.Limit > 0 {
		l.Info("the run keeps to the limit that the server named", "requests_per_second", e.Limit, "message", e.Answer.Message)
	}
	switch {
	case e.Outage > 0:
		l.Info("no request is served, waiting", "for", e.Outage, "status", e.Answer.Status, "message", e.Answer.Message)
	case e.PausedFor > 0:
		l.Info("the server asks for a pause", "pause", e.PausedFor, "status", e.Answer.Status, "rate", e.Rate)
	case e.RetryIn > 0:
		l.Info("retrying", append([]any{"in", e.RetryIn}, answer...)...)
	case e.Answer.Meaning == batch.Renewed:
		l.Info("the token was refused and is being renewed")
	}
}

// outageEvent warns once of an outage: why the run waits, and until when at most.
func (l *EventLog) outageEvent(e batch.Event) {
	switch began := e.Outage > 0; {
	case began && !l.outage:
		l.Warn("no request is served; waiting as long as --outage-patience allows",
			"until", l.outageEnd(e).Format(time.RFC3339), "reason", l.outageReason(e))
	case !began && l.outage:
		l.Info("requests are served again")
	}
	l.outage = e.Outage > 0
}

// Waits says in short why nothing moves, and is empty while something does.
func (l *EventLog) Waits(e batch.Event) string {
	switch {
	case e.Outage > 0:
		return "waiting until " + l.outageEnd(e).Format(time.TimeOnly) + ": " + l.outageReason(e)
	case e.PausedFor > 0:
		return "the server asks for a pause of " + Duration(e.PausedFor)
	}
	return ""
}

// outageEnd is when an outage has lasted for too long.
func (l *EventLog) outageEnd(e batch.Event) time.Time { return time.Now().Add(l.patience - e.Outage) }

// outageReason is who has not served the last request, and why.
func (l *EventLog) outageReason(e batch.Event) string {
	reason := strings.TrimPrefix(e.Answer.Message, "nothing was sent: ")
	if status := strconv.Itoa(e.Answer.Status); e.Answer.Status > 0 && !strings.HasPrefix(reason, status) {
		reason = status + ": " + reason
	}
	if !strings.Contains(reason, l.endpoint.Host) && e.Answer.Meaning != batch.Unreachable { // which names a proxy
		reason = l.endpoint.Host + ": " + reason
	}
	return reason
}
