package content

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestAnImageHasItsProgramsAndNothingElseToRun(t *testing.T) {
	for name, programs := range map[string][]string{
		"manager": {"usr/local/bin/manager"}, "relay": {"usr/local/bin/relay"}, "apigateway": {"usr/local/bin/apigateway"}, "worker": {"usr/local/bin/engine", "usr/local/bin/worker"},
	} {
		t.Run(name, func(t *testing.T) {
			image, _ := stage(t, name)
			var found []string
			for _, file := range image.Files() {
				if file.Mode&^fs.ModePerm != 0 || file.Mode&0o022 != 0 {
					t.Errorf("%s has the mode %v", file.Target, file.Mode)
				}
				content, err := file.Content()
				if err != nil {
					t.Fatal(err)
				}
				if bytes.HasPrefix(content, []byte("#!")) {
					t.Errorf("%s is a script", file.Target)
				}
				library := strings.Contains(file.Target, ".so") && strings.Contains("/"+file.Target, "/lib")
				if file.Mode&0o111 != 0 && !library {
					found = append(found, file.Target)
				}
			}
			if !slices.Equal(found, programs) || image.Entrypoint[0] != "/usr/local/bin/"+name {
				t.Errorf("%q can be run, and %q is, want %q", found, image.Entrypoint, programs)
			}
		})
	}
}
