package cloud

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// readProfile reads one section of an INI file that holds credentials.
func (c Config) readProfile(name, section string) (map[string]string, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := c.warnShared("file of the access key", file, true); err != nil {
		return nil, err
	}
	const longest = 1 << 20
	values := make(map[string]string)
	within := false
	lines := bufio.NewScanner(io.LimitReader(file, longest))
	lines.Buffer(nil, longest)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if header, ok := strings.CutPrefix(line, "["); ok {
			within = strings.TrimSpace(strings.TrimSuffix(header, "]")) == section
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok {
			// The line is not shown: it may hold a secret.
			return nil, fmt.Errorf("%s, line %d: it is neither a [section] nor key = value; correct it", name, n)
		}
		if within {
			values[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return values, nil
}
