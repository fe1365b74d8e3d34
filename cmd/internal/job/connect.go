package job

import (
	"context"
	"errors"
	"log/slog"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/imageapi"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/cmd/internal/version"
)

// Connect logs in.
func (c *Connection) Connect(ctx context.Context, e *Environment) (*cloud.Session, error) {
	return cloud.Connect(ctx, cloud.Config{
		Endpoint:  c.Endpoint,
		Auth:      c.Auth,
		OSCloud:   c.OSCloud,
		Region:    c.Region,
		CACert:    c.CACert,
		TokenFile: c.TokenFile,
		Terminal:  e.Interactive,
		UserAgent: version.UserAgent(),
		Getenv:    e.Getenv,
		Logger:    e.Log,
	})
}

// credentials are those of a session, in the words of the Image API client.
type credentials struct{ *cloud.Session }

func (s credentials) Renew(ctx context.Context, generation uint64, kind string) error {
	err := s.Session.Renew(ctx, generation, kind)
	switch {
	case errors.Is(err, cloud.ErrRefused):
		return kindOfError{err, imageapi.ErrRefused}
	case errors.Is(err, cloud.ErrNotAllowed):
		return kindOfError{err, imageapi.ErrNotAllowed}
	}
	return err
}

// A kindOfError is an error that is also one of another package.
type kindOfError struct {
	error
	kind error
}

func (e kindOfError) Is(target error) bool { return target == e.kind }

// OpenAPI makes the client of the Image API, to be closed in the end.
func OpenAPI(session *cloud.Session, workers int) (api batch.API, closeAPI func()) {
	transport := session.Transport(workers)
	projectID, _ := session.Project()
	return imageapi.New(imageapi.Config{
		Endpoint:    session.Endpoint(),
		Transport:   transport,
		Credentials: credentials{session},
		ProjectID:   projectID,
		Huawei:      session.Huawei(),
		UserAgent:   version.UserAgent(),
	}), transport.CloseIdleConnections
}

// Watched is a job with these limits, at a pace; what happens is told to the log
// and shown by the bar.
func (l *Limits) Watched(pace ui.Rate, session *cloud.Session, log *slog.Logger, bar *ui.Progress) *batch.Job {
	job := l.Job(pace)
	events := ui.NewEventLog(log, session.Endpoint(), job.OutagePatience)
	job.Notify = func(e batch.Event) {
		events.Event(e)
		bar.Event(events.Waits(e))
	}
	return job
}
