/** A home full of work that lies nowhere else, in every way that git has; made by a script, so that it can be made on a machine. */
import { execFileSync } from 'node:child_process';

/**
 * Arguments: the home, a folder for what stands in for the remotes and for what a hostile configuration would touch, and a
 * text that is in every piece of the work.
 */
export const makeWorkScript = `set -eu
home=$1 far=$2 mark=$3
export HOME="$home" GIT_CONFIG_GLOBAL="$far/gitconfig" GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_DATE=2026-11-20T12:00:00Z GIT_COMMITTER_DATE=2026-11-20T12:00:00Z
mkdir -p "$home" "$far"
cat >"$GIT_CONFIG_GLOBAL" <<END
[user]
	name = Dev
	email = dev@example.com
[init]
	defaultBranch = main
[protocol "file"]
	allow = always
[advice]
	detachedHead = false
END
quiet() { "$@" >/dev/null 2>&1; }

quiet git init --bare "$far/library.git"
quiet git clone "$far/library.git" "$far/library"
( cd "$far/library" && echo shared >shared && git add . && quiet git commit -m shared && quiet git push origin main )
quiet git init --bare "$far/app.git"
quiet git clone "$far/app.git" "$far/seed"
( cd "$far/seed"
  for name in staged unstaged both gone; do printf '1\\n2\\n3\\n' >$name; done
  printf 'a\\000b' >binary; echo '*.log' >.gitignore
  git add . && quiet git commit -m first
  quiet git submodule add "$far/library.git" lib && quiet git commit -m lib
  quiet git tag -a v1 -m v1 && quiet git push origin main v1 )

quiet git clone --recurse-submodules "$far/app.git" "$home/app"
cd "$home/app"
git remote set-url origin "https://someone:hunter2@git.example.com/app.git?x=1"
quiet git checkout -b side && echo "$mark side" >side && git add side && quiet git commit -m "$mark side"
quiet git checkout main
echo "$mark stash one" >unstaged && quiet git stash
echo "$mark stash two" >untracked-stash && quiet git stash -u
echo "$mark staged" >staged && git add staged
echo "$mark both 1" >both && git add both && echo "$mark both 2" >both
echo "$mark unstaged" >>unstaged
rm gone
printf '%s\\000\\001' "$mark" >binary
mkdir -p new/deep && echo "$mark new" >'new/deep/a file' && printf '#!/bin/sh\\n' >new/run && chmod +x new/run
echo "$mark log" >ignored.log
ln -s /etc/passwd leads-away
head -c 3000000 /dev/zero >big
( cd lib && quiet git checkout -b fix && echo "$mark lib" >fix && git add fix && quiet git commit -m "$mark fix" )

quiet git -C "$home/app" worktree add --detach "$home/app-tree"
( cd "$home/app-tree" && echo "$mark tree" >tree && git add tree && quiet git commit -m "$mark detached" && echo "$mark dirty" >>tree )

quiet git clone "$far/app.git" "$home/clean"
quiet git init --bare "$home/own.git"
quiet git clone "$home/own.git" "$far/own"
( cd "$far/own" && echo "$mark bare" >bare && git add . && quiet git commit -m "$mark bare" && quiet git push origin main )
mkdir -p "$home/deep er/ü" && quiet git init "$home/deep er/ü"
echo "$mark unborn" >"$home/deep er/ü/unborn" && git -C "$home/deep er/ü" add unborn
mkdir -p "$home/app/node_modules/pkg" && quiet git init "$home/app/node_modules/pkg" && echo x >"$home/app/node_modules/pkg/x"
echo node_modules/ >>"$home/app/.git/info/exclude"

quiet git clone "$far/app.git" "$home/hostile"
cd "$home/hostile"
echo "$mark hostile" >unstaged
echo "$mark filtered" >staged
echo '* filter=evil diff=evil' >.gitattributes
for hook in post-index-change reference-transaction post-checkout pre-commit fsmonitor-watchman; do
  printf '#!/bin/sh\\ntouch %s/pwned-hook-%s\\n' "$far" $hook >.git/hooks/$hook && chmod +x .git/hooks/$hook
done
printf '[core]\\n\\tpager = touch %s/pwned-included\\n[alias]\\n\\tdiff = !touch %s/pwned-alias\\n' "$far" "$far" >"$far/included"
cat >>.git/config <<END
[core]
	fsmonitor = touch $far/pwned-fsmonitor
	hooksPath = .git/hooks
	sshCommand = touch $far/pwned-ssh
	pager = touch $far/pwned-pager
	worktree = /etc
	alternateRefsCommand = touch $far/pwned-alternates
[filter "evil"]
	clean = touch $far/pwned-clean
	smudge = touch $far/pwned-smudge
	process = touch $far/pwned-process
	required = true
[diff "evil"]
	textconv = touch $far/pwned-textconv
	command = touch $far/pwned-command
[diff]
	external = touch $far/pwned-external
[gpg]
	program = touch $far/pwned-gpg
[log]
	showSignature = true
[include]
	path = $far/included
[extensions]
	partialClone = origin
[remote "origin"]
	promisor = true
	uploadpack = touch $far/pwned-uploadpack
	url = ext::touch $far/pwned-ext
END
`;

/** Makes it on this computer. */
export function makeWork(home: string, far: string, mark: string): void {
  execFileSync('sh', ['-c', makeWorkScript, 'sh', home, far, mark], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
