package job

import (
	"context"
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

// OpenAPI makes the client of the Image API, to be closed in the end.
func OpenAPI(session *cloud.Session, workers int) (api batch.API, closeAPI func()) {
	transport := session.Transport(workers)
	projectID, _ := session.Project()
	return imageapi.New(imageapi.Config{
		Endpoint:    session.Endpoint(),
		Transport:   transport,
		Credentials: session,
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
