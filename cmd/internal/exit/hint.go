package exit

// A hinted error says what to do about it.
type hinted struct {
	error
	hint string
}

func (h *hinted) Error() string { return h.error.Error() + "; " + h.hint }
func (h *hinted) Unwrap() error { return h.error }

// WithHint returns an error that says what to do about err. It returns err
// itself where there is nothing to say.
func WithHint(err error, hint string) error {
	if hint == "" {
		return err
	}
	return &hinted{err, hint}
}
