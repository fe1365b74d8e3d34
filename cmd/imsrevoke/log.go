package main

import (
	"context"
	"log/slog"

	"imsrevoke/batch"
)

// logger writes to standard error, in the form and from the level that the
// flags say.
func (c *cli) logger(level, format string) *slog.Logger {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		panic(err) // the flag takes only levels
	}
	options := &slog.HandlerOptions{Level: least}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(c.stderr, options))
	}
	return slog.New(slog.NewTextHandler(c.stderr, options))
}

// logEvent tells the log of one answer.
func logEvent(log *slog.Logger, e batch.Event) {
	if !log.Enabled(context.Background(), slog.LevelInfo) {
		return // before all of it is put together for nobody
	}
	answer := []any{"status", e.Answer.Status, "request_id", e.Answer.RequestID, "took", e.Took}
	if e.Answer.Message != "" {
		answer = append(answer, "message", e.Answer.Message)
	}
	if e.Row != nil {
		answer = append(answer, "line", e.Row.Line, "image_id", e.Row.Pair.ImageID, "member_id", e.Row.Pair.MemberID)
	}
	log.Debug("answer", answer...)
	if e.Limit > 0 {
		log.Info("the server names its limit, which the run keeps to", "requests_per_second", e.Limit, "message", e.Answer.Message)
	}
	switch {
	case e.Outage > 0:
		log.Info("the server serves nobody, waiting", "for", e.Outage, "status", e.Answer.Status, "message", e.Answer.Message)
	case e.PausedFor > 0:
		log.Info("the server asks for a pause", "pause", e.PausedFor, "status", e.Answer.Status, "rate", e.Rate)
	case e.RetryIn > 0:
		log.Info("trying again", append([]any{"in", e.RetryIn}, answer...)...)
	case e.Answer.Meaning == batch.Renewed:
		log.Info("the token was refused, and is renewed")
	}
}
