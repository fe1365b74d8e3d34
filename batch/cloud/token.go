package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// maxToken is more than the longest tokens of Keystone, signed PKI tokens,
// which have to fit into an HTTP header.
const maxToken = 64 << 10

// A readyToken issues a token that somebody else obtained: once.
type readyToken struct {
	token  Secret
	method string
	given  bool
}

func (r *readyToken) issue(context.Context) (*grant, error) {
	if r.given {
		return nil, refused("the %s is refused and cannot be renewed; "+
			"get a new token, and check that it is for this endpoint and region", r.method)
	}
	r.given = true
	return &grant{proof: bearer{r.token}}, nil
}

// findToken looks for a ready token: in the file of the configuration or of
// the service manager, then in the environment. It returns nil when there is
// none.
func (c Config) findToken() (*readyToken, error) {
	if c.TokenFile != "" {
		token, err := c.readToken(c.TokenFile)
		if err != nil {
			return nil, err
		}
		return &readyToken{token: token, method: "token from file " + c.TokenFile}, nil
	}
	// https://systemd.io/CREDENTIALS/
	if dir := c.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		token, err := c.readToken(filepath.Join(dir, "token"))
		if err == nil {
			return &readyToken{token: token, method: "token from $CREDENTIALS_DIRECTORY/token"}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	for _, name := range []string{"OS_TOKEN", "OS_AUTH_TOKEN"} {
		if c.logsInByToken() && c.Getenv("OS_AUTH_URL") != "" && c.Auth != AuthToken {
			break // it is there to log in with
		}
		if text := c.Getenv(name); text != "" {
			if err := checkToken(text); err != nil {
				return nil, fmt.Errorf("the token of %s %w; set it again, or unset it", name, err)
			}
			return &readyToken{token: Secret(text), method: "token from " + name}, nil
		}
	}
	return nil, nil
}

// readToken reads a file that holds one token. A byte order mark, blanks and
// line ends around it are left out: editors and shells put them there.
func (c Config) readToken(name string) (Secret, error) {
	unreadable := func(err error) error {
		return fmt.Errorf("cannot read the token file %s: %w; name another with --token-file", name, cause(err))
	}
	file, err := os.Open(name)
	if err != nil {
		return "", unreadable(err)
	}
	defer file.Close()
	if err := c.warnShared("token file", file, true); err != nil {
		return "", unreadable(err)
	}
	text, err := io.ReadAll(io.LimitReader(file, 2*maxToken))
	if err != nil {
		return "", unreadable(err)
	}
	token := strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff"))
	if err := checkToken(token); err != nil {
		return "", fmt.Errorf("the token file %s %w; write the token into it, alone, on one line", name, err)
	}
	return Secret(token), nil
}

// warnShared logs that others can read a file that holds secrets, or write to a
// file that says where they go, if they can.
func (c Config) warnShared(what string, file *os.File, holdsSecret bool) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	const read, write, group = 0o044, 0o022, 0o070
	mode := info.Mode().Perm()
	readers := mode & read
	if owner, ok := ownerOf(info); ok && owner == 0 && os.Geteuid() != 0 {
		// So systemd and Kubernetes hand a secret to a user that is not root.
		readers &^= group
	}
	can := ""
	switch {
	case mode&write != 0:
		can = "write to"
	case holdsSecret && readers != 0:
		can = "read"
	default:
		return nil
	}
	c.Logger.Warn("others can "+can+" the "+what+": run chmod 600 on it", "file", file.Name(), "mode", mode.String())
	return nil
}

// checkToken says what keeps a text from being a token. It must be fit to be
// the value of a header.
func checkToken(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case len(text) > maxToken:
		return fmt.Errorf("is longer than %d bytes", maxToken)
	case strings.ContainsAny(text, "\r\n"):
		return errors.New("has more than one line")
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return fmt.Errorf("has a blank or unprintable character (0x%02x) at byte %d", text[i], i)
		}
	}
	return nil
}
