# SPDX-License-Identifier: MIT
# bash completion for convene
_convene()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local commands='send receive talk trace probe help'
    local common='--help --verbose --quiet --json --connect-timeout --max-time'
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
        return
    fi
    case $before in
    --into) mapfile -t COMPREPLY < <(compgen -d -- "$word") && return ;;
    --pcap | --svg) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    --on-conflict) mapfile -t COMPREPLY < <(compgen -W 'fail replace rename' -- "$word") && return ;;
    esac
    case $word in
    -*)
        case ${COMP_WORDS[1]} in
        send) common+=' --retry-for --pcap --snap --hash --again' ;;
        receive) common+=' --listen --into --once --on-conflict --keep --pcap --snap' ;;
        talk) common+=' --listen --pcap' ;;
        trace) common='--help --json --svg' ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$common" -- "$word")
        ;;
    i*) mapfile -t COMPREPLY < <(compgen -W 'iso:// isos:// iso+unix:/' -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
}
complete -o nospace -o filenames -F _convene convene
