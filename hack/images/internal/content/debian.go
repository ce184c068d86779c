package content

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// certificates is the bundle of the public authorities, as Debian ships them. The bundle in /etc/ssl/certs may hold
// authorities that this machine alone trusts.
func certificates() (File, error) {
	paths, err := filepath.Glob("/usr/share/ca-certificates/mozilla/*.crt")
	if err != nil {
		return File{}, err
	}
	if len(paths) == 0 {
		return File{}, errors.New("no certificates of authorities: the package ca-certificates is missing")
	}
	var bundle []byte
	for _, path := range paths {
		certificate, err := os.ReadFile(path)
		if err != nil {
			return File{}, fmt.Errorf("reading the certificates of authorities: %w", err)
		}
		bundle = append(bundle, certificate...)
	}
	return File{Target: "etc/ssl/certs/ca-certificates.crt", Data: bundle, Mode: 0o644}, nil
}

// sharedLibraries lists the absolute paths of the libraries that a program loads when it starts, the dynamic loader
// among them. The loader itself is asked, so the answer is what will happen.
func sharedLibraries(program string) ([]string, error) {
	// #nosec G204 -- the program is one that was built here
	output, err := exec.Command("ldd", program).Output()
	if err != nil {
		return nil, fmt.Errorf("asking ldd for the libraries of %s: %w", program, err)
	}
	return parseLdd(string(output))
}

// parseLdd reads lines such as
//
//	libtesseract.so.5 => /lib/x86_64-linux-gnu/libtesseract.so.5 (0x00007f0000000000)
//	/lib64/ld-linux-x86-64.so.2 (0x00007f0000000000)
//
// and passes over the one that the kernel provides, which has no path.
func parseLdd(output string) ([]string, error) {
	var paths []string
	for line := range strings.Lines(output) {
		if strings.Contains(line, "not found") {
			return nil, fmt.Errorf("a library is missing: %s", strings.TrimSpace(line))
		}
		for _, field := range strings.Fields(line) {
			if strings.HasPrefix(field, "/") {
				paths = append(paths, field)
				break
			}
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// copyrights lists the copyright notices of the Debian packages that the libraries come from: whoever hands on the image
// hands them on too.
func copyrights(libraries []string) ([]File, error) {
	query := make([]string, 0, 2*len(libraries))
	for _, library := range libraries {
		real, err := filepath.EvalSymlinks(library)
		if err != nil {
			return nil, fmt.Errorf("finding the package of %s: %w", library, err)
		}
		// /lib is a link to /usr/lib, and packages name their files by the one or the other.
		query = append(query, real, strings.TrimPrefix(real, "/usr"))
	}
	// #nosec G204 -- the arguments are paths of libraries
	output, err := exec.Command("dpkg-query", append([]string{"--search"}, query...)...).Output()
	// Status 1 says that some of the paths are no package's, as one of each two is bound to be.
	if exit := (*exec.ExitError)(nil); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
		return nil, fmt.Errorf("asking dpkg-query for the packages of the libraries: %w", err)
	}
	var files []File
	for _, name := range parseSearch(string(output)) {
		notice := path.Join("usr/share/doc", name, "copyright")
		files = append(files, File{Target: notice, Source: "/" + notice, Mode: 0o644})
	}
	return files, nil
}

// parseSearch reads lines such as
//
//	libc6:amd64: /lib/x86_64-linux-gnu/libc.so.6
//
// and returns the names of the packages.
func parseSearch(output string) []string {
	var names []string
	for line := range strings.Lines(output) {
		name, _, found := strings.Cut(line, ": ")
		if !found || strings.HasPrefix(name, "diversion ") {
			continue
		}
		name, _, _ = strings.Cut(name, ":")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
