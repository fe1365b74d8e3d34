package cloud_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"imsrevoke/batch/cloud"
)

func TestSecretDoesNotShowItself(t *testing.T) {
	t.Parallel()
	secret := cloud.Secret("s3cr3t")
	holder := struct{ Token cloud.Secret }{secret}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%08.3s"} {
		for _, value := range []any{secret, &secret, holder, []cloud.Secret{secret}, map[string]cloud.Secret{"a": secret}} {
			noSecret(t, fmt.Sprintf("%s of a %T", verb, value), fmt.Sprintf(verb, value))
		}
	}
	text, err := json.Marshal(holder)
	if err != nil || string(text) != `{"Token":"[redacted]"}` {
		t.Errorf("as JSON: %s, error %v", text, err)
	}
	var log lockedBuffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", secret, "holder", holder)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", secret, "holder", holder)
	noSecret(t, "the log", log.String())
	if fmt.Sprint(secret) != "[redacted]" || secret.String() != "[redacted]" {
		t.Errorf("as text: %s, %s", secret, secret.String())
	}
	if string(secret) != "s3cr3t" {
		t.Error("the value is lost")
	}
}
