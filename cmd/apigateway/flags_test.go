package main

import (
	"strings"
	"testing"
)

func TestRedisAddress(t *testing.T) {
	for name, c := range map[string]struct {
		flag, environment, want string
		refused                 bool
	}{
		"none":                           {"", "", "", false},
		"from the command line":          {"redis://redis:6379", "", "redis://redis:6379", false},
		"from the environment":           {"", "redis://:secret@redis:6379\n", "redis://:secret@redis:6379", false},
		"the command line comes first":   {"unix:///run/redis.sock", "redis://:secret@redis:6379", "unix:///run/redis.sock", false},
		"a password on the command line": {"redis://:secret@redis:6379", "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := options{rateLimitRedis: c.flag}.redisAddress(c.environment)
			if got != c.want || (err != nil) != c.refused {
				t.Errorf("got %q, %v; want %q, refused %v", got, err, c.want, c.refused)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats the password: %v", err)
			}
		})
	}
}

func TestCheckOrigin(t *testing.T) {
	for origin, allowed := range map[string]bool{
		"*": true, "https://app.example.org": true, "http://localhost:5173": true,
		"": false, "app.example.org": false, "https://app.example.org/": false, "https://*.example.org": false, "https://a b": false,
	} {
		if err := checkOrigin(origin); (err == nil) != allowed {
			t.Errorf("checkOrigin(%q) = %v", origin, err)
		}
	}
}
