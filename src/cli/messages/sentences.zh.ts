// The errors that people meet most, in Chinese. An error is thrown with its English sentence, as `cannot read ${path}:
// no such file`; here the sentence is the key, with {{names}} where values stand. A test finds each of these sentences
// in the source, so that one which is reworded there is reworded here. An error without a line here is shown in English.
// The first line that fits is taken.
export const sentences: readonly (readonly [english: string, chinese: string])[] = [
  [
    '{{folder}}: none of its pictures can be read; the first: {{reason}}',
    '{{folder}}：没有一张图片能读取；第一张：{{reason}}',
  ],
  ['{{path}}: not valid JSON: {{reason}}', '{{path}}：不是有效的 JSON：{{reason}}'],
  [
    'a clip of {{width}} × {{height}} cannot be drawn: the width must be a multiple of {{wide}} and the height of {{high}}; the next size is {{nextWidth}} × {{nextHeight}}',
    '无法画 {{width}} × {{height}}：宽必须是 {{wide}} 的倍数，高必须是 {{high}} 的倍数；下一个可用的大小是 {{nextWidth}} × {{nextHeight}}',
  ],
  [
    'a clip of {{frames}} frames cannot be drawn: there must be {{first}}, {{second}}, {{third}} and so on, up to {{most}}; the next is {{next}}',
    '无法画 {{frames}} 帧：帧数只能是 {{first}}、{{second}}、{{third}} 等，最多 {{most}}；下一个可用的帧数是 {{next}}',
  ],
  [
    '{{frames}} frames of {{width}} × {{height}} are more than {{most}} pixels, the most that is drawn',
    '{{frames}} 帧 {{width}} × {{height}} 超过 {{most}} 像素，这是能画的上限',
  ],
  [
    'a frame of {{width}} × {{height}} has more than {{most}} pixels, the most that is drawn',
    '一帧 {{width}} × {{height}} 超过 {{most}} 像素，这是能画的上限',
  ],
  ['{{name}}: has one frame; only a clip can be extended or looped', '{{name}}：只有一帧；只有动图才能续写或循环'],
  [
    'a scheduler with stochastic_sampling or invert_sigmas cannot draw from a picture or clip',
    '带有 stochastic_sampling 或 invert_sigmas 的采样器不能从图片或动图开始画',
  ],
  ['{{name}}: has {{count}} frames; a mask has one', '{{name}}：有 {{count}} 帧；掩码只能有一帧'],
  [
    '{{folder}}: its patches hold {{frames}} latent frames each, so it cannot draw from a picture or clip',
    '{{folder}}：它的每个 patch 含 {{frames}} 个 latent 帧，因此不能从图片或动图开始画',
  ],
  [
    'scheduler_config.json: text-to-video does not support use_dynamic_shifting',
    'scheduler_config.json：text-to-video 不支持 use_dynamic_shifting',
  ],
  ['{{path}}: the file must end in {{endings}}', '{{path}}：文件名必须以 {{endings}} 结尾'],
  [
    'writing .mp4 needs ffmpeg: {{install}}; .webp, .gif and .png need nothing',
    '写 .mp4 需要 ffmpeg：{{install}}；.webp、.gif 和 .png 不需要',
  ],
  ['{{path}}: no recipe of tubelet is stored in it', '{{path}}：里面没有 tubelet 的绘制记录'],
  ['{{path}}: not a picture that can be read ({{reason}})', '{{path}}：不是能读取的图片（{{reason}}）'],
  [
    "no reproduction '{{name}}'; there is {{names}}, or a file of your own",
    '没有复现“{{name}}”；现有的：{{names}}，也可以是你自己的文件',
  ],
  ['charts are drawn by the package echarts: npm install echarts', '图表由 echarts 包绘制：npm install echarts'],
  [
    '{{path}}: no expected.safetensors in it, with the tensors input.NAME that the model is given and output.NAME that it must answer',
    '{{path}}：里面没有 expected.safetensors，其中应有给模型的输入 input.NAME 和它必须给出的 output.NAME',
  ],
  [
    '--freeze {{pattern}}: no parameter is named so; there is {{name}}',
    '--freeze {{pattern}}：没有这样的参数；例如有 {{name}}',
  ],
  ['{{path}}: ended while it was read', '{{path}}：文件不完整'],
  [
    'the engine could not load the program on {{device}}: {{reason}}',
    '计算引擎无法在 {{device}} 上加载程序：{{reason}}',
  ],
  ["webgpu: this machine has no graphics adapter; use device 'cpu'", 'webgpu：本机没有可用的显卡；请改用 cpu'],
  [
    "no model '{{name}}': no such folder, and the models found are: {{names}}",
    '没有模型“{{name}}”：没有这个文件夹；现有的模型：{{names}}',
  ],
  [
    '{{path}}: no model_index.json or config.json in it, so it is no model',
    '{{path}}：里面没有 model_index.json 或 config.json，不是模型',
  ],
  [
    "no run '{{name}}': no such folder with a run.json in it",
    '没有训练“{{name}}”：没有这个文件夹，或里面没有 run.json',
  ],
  ['{{root}}: no run is there, so none is the last', '{{root}}：里面没有训练，也就没有最近一次'],
  ['{{path}}: no checkpoint is there yet', '{{path}}：还没有检查点'],
  [
    '{{folder}} is in use by {{who}}; stop it, or choose another folder',
    '{{folder}} 正被 {{who}} 使用；请先停止它，或换一个文件夹',
  ],
  [
    'step {{step}}: {{name}} is not a finite number (loss {{loss}}); the weights are still those of step {{last}}',
    '第 {{step}} 步：{{name}} 不是有限的数（损失 {{loss}}）；权重仍是第 {{last}} 步的',
  ],
  [
    "step {{step}}: '{{name}}' is not finite, so it is not saved",
    '第 {{step}} 步：“{{name}}”含有非有限的数，因此不保存',
  ],
  [
    "{{folder}}: no autoencoder there; train one with 'tubelet train emoji-kl-f4', and name its run with --model",
    '{{folder}}：没有自编码器；请先用 tubelet train emoji-kl-f4 训练一个，再用 --model 指明那次运行',
  ],
  [
    'the drawings have {{classes}} classes, and {{count}} of them are held out; give several styles, or one with groups',
    '这些图画有 {{classes}} 类，其中留出 {{count}} 张；请给出多种画风，或一种带分组的画风',
  ],
  [
    '{{path}}: no such recipe; a recipe is a .ts or .js file, or one of {{names}}',
    '{{path}}：没有这个配方；配方是 .ts 或 .js 文件，或 {{names}} 之一',
  ],
  [
    "{{path}}: must export a recipe by default: an object with a 'name' and a function 'prepare'",
    "{{path}}：必须默认导出一个配方：带有 'name' 和函数 'prepare' 的对象",
  ],
  [
    '{{path}} has made its {{steps}} steps; to go on, ask for more with --steps',
    '{{path}} 已训练完 {{steps}} 步；要继续，请用 --steps 增加步数',
  ],
  ['{{path}}: no checkpoint can be read: {{reason}}', '{{path}}：没有可读的检查点：{{reason}}'],
  ['{{path}}: damaged: its content has changed since it was written', '{{path}}：已损坏：内容与写入时不同'],
  [
    '{{what}} does not fit the model: {{problem}}; has the recipe changed since?',
    '{{what}}与模型不符：{{problem}}；配方是否改过？',
  ],
  [
    '{{name}}: damaged, or not a picture that can be read ({{reason}})',
    '{{name}}：已损坏，或不是能读取的图片（{{reason}}）',
  ],
  ['{{path}}: not a video that can be read ({{reason}})', '{{path}}：不是能读取的视频（{{reason}}）'],
  ['{{path}}: reading video needs ffmpeg: {{install}}', '{{path}}：读取视频需要 ffmpeg：{{install}}'],
  [
    '{{folder}}: no picture is in this folder or below it ({{endings}})',
    '{{folder}}：这个文件夹和它的子文件夹里没有图片（{{endings}}）',
  ],
  [
    '{{path}}: is neither a folder nor a .safetensors file, so nothing can be found in it',
    '{{path}}：既不是文件夹，也不是 .safetensors 文件，无法在其中查找',
  ],
  ['{{path}}: holds no vectors that tubelet wrote', '{{path}}：不是 tubelet 写的向量'],
  ['{{path}}: holds no vectors', '{{path}}：里面没有向量'],
  [
    '{{path}}: its vectors are of another model ({{theirs}}, and this is {{ours}}); build it again',
    '{{path}}：这些向量来自另一个模型（{{theirs}}，现在用的是 {{ours}}）；请重新建立',
  ],
  [
    '{{dir}} holds a data set built with other options or of other pictures; choose another folder or remove it',
    '{{dir}} 里已有一个数据集，它的选项或图片与这次不同；请换一个文件夹，或先删除它',
  ],
  [
    '{{out}}: lies in the folder of the pictures; choose another with -o',
    '{{out}}：在图片文件夹里面；请用 -o 换一个地方',
  ],
  ['{{name}}: not text in UTF-8; save it in that encoding', '{{name}}：不是 UTF-8 编码的文本；请以 UTF-8 保存'],
  [
    '{{path}}: {{size}} bytes, more than the {{limit}} expected here',
    '{{path}}：共 {{size}} 字节，超出了这里的上限 {{limit}}',
  ],
  [
    '{{name}}: {{size}} are more than {{most}} pixels, the most that is decoded',
    '{{name}}：{{size}} 超过了能解码的上限 {{most}} 像素',
  ],
  [
    '{{name}}: {{count}} frames are more than {{most}}, the most that is read',
    '{{name}}：{{count}} 帧超过了能读取的上限 {{most}} 帧',
  ],
  ['{{file}}: {{seen}} of {{samples}} samples can be read', '{{file}}：{{samples}} 个样本中只有 {{seen}} 个能读取'],
  [
    '{{file}}: its content is not what dataset.json says (SHA-256 differs)',
    '{{file}}：内容与 dataset.json 所说的不符（SHA-256 不同）',
  ],
  [
    '{{frames}} frames of {{width}}×{{height}} are more than {{most}} pixels, the most that is held in memory',
    '{{frames}} 帧 {{width}}×{{height}} 超过 {{most}} 像素，这是内存中能容纳的上限',
  ],
  ['the build was stopped; the same command goes on with it', '构建已停止；再运行同一命令会接着构建'],
  ['out of memory: {{reason}}', '内存不足：{{reason}}'],
  ['disk full: {{path}}', '磁盘已满：{{path}}'],
  ['stopped before it was done', '尚未完成就停止了'],
  ['the download of {{name}} was stopped', '{{name}} 的下载已停止'],
  ['cannot fetch {{name}} from the package registry: {{reason}}', '无法从软件包仓库获取 {{name}}：{{reason}}'],
  ['cannot {{action}} {{path}}: {{reason}}', '无法{{action}} {{path}}：{{reason}}'],
  [
    'the archive of {{name}} is not the expected one ({{integrity}}); try again or another registry',
    '{{name}} 的压缩包与预期不符（{{integrity}}）；请重试，或换一个仓库',
  ],
  ["expand: there are not as many places as shapes in '{{prompt}}'", 'expand：“{{prompt}}”里的图形比可放的位置多'],
  ['expand: the prompt is empty', 'expand：提示词是空的'],
  ["expand: '{{url}}' is no address of a server", 'expand：“{{url}}”不是服务器地址'],
  ['expand: no answer from {{address}}: {{reason}}', 'expand：{{address}} 没有应答：{{reason}}'],
  ['expand: {{address}} answered {{status}}: {{reason}}', 'expand：{{address}} 返回 {{status}}：{{reason}}'],
  ['expand: the answer of {{address}} holds no text', 'expand：{{address}} 的应答里没有文本'],
]

/** Words that sentences are filled with, and that are said in the same language. */
export const words: Readonly<Record<string, string>> = {
  none: '无',
  'another process': '另一个进程',
  'the saved state': '保存的状态',
  read: '读取',
  write: '写入',
  open: '打开',
  lock: '锁定',
  make: '创建',
  'no such file or folder': '没有这个文件或文件夹',
  'permission denied': '没有权限',
  'the file system is read-only': '文件系统是只读的',
  'it is a folder, not a file': '这是文件夹，不是文件',
  'a part of the path is a file, not a folder': '路径中有一段是文件，不是文件夹',
  'it exists already': '已经存在',
  'too many open files': '打开的文件太多',
  'the name is too long': '名字太长',
  'disk full: free some space or choose another folder': '磁盘已满：请清理空间或换一个文件夹',
  'disk full: the quota is used up': '磁盘配额已用完',
  'the file is too large for this file system': '文件超出了文件系统的上限',
  'the disk reports a read or write error': '磁盘报告读写错误',
}

/** The sentence in Chinese, or undefined where the list does not know it. */
export function chineseSentence(english: string): string | undefined {
  for (const [template, chinese] of sentences) {
    const values = match(template, english)
    if (values)
      return chinese.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
        const value = values[name]
        return words[value] ?? chineseSentence(value) ?? value // a reason may be a sentence itself
      })
  }
}

function match(template: string, sentence: string): Record<string, string> | undefined {
  const escaped = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&')
  const pattern = new RegExp(`^${escaped.replace(/\{\{(\w+)\}\}/g, '(?<$1>.+?)')}$`, 's')
  const found = pattern.exec(sentence)
  return found ? { ...found.groups } : undefined
}
